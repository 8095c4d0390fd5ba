"""The world behind the line: real DNS and HTTPS servers, one process, from one specification."""
