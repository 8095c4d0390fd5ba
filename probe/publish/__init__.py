"""Where results leave: metrics, the status page, tables and logs."""
