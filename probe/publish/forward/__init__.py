"""What is sent to a receiver of Prometheus's remote write."""
