"""The HTML report and the diagnosis of a trace store."""
