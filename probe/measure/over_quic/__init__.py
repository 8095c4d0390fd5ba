"""What is measured over QUIC."""
