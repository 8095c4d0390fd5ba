"""What is normal for a series: how it is learnt, kept and ended. Pure."""
