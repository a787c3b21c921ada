"""The domain: an incident goes in, a diagnosis comes out."""
