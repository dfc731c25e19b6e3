"""A trace store as an MCP server that only reads: ``peekr-mcp``, ``peekr mcp``."""
