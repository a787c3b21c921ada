"""Fitting: from canonical records to the fitted parts of a release."""
