"""The resource `surveys`: callers are asked, by a signed link, how satisfied they are; off unless switched on."""
