"""The programs of the documents that describe what activities are for: their code as shown, with the outside world replaced by `fakes`."""
