"""Task families with exact graders."""
