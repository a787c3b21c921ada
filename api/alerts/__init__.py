"""The resource `alerts`: what monitoring systems say, which incidents it explains, and the service map."""
