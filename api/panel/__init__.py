"""The panel: the view of one incident inside the tool that agents work in."""
