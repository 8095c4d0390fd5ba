"""Everything that sends a packet. Each probe returns an observation, whatever the network does."""
