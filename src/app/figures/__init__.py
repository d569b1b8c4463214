"""What a task shows: panels of the dashboard, and the plots that they draw."""
