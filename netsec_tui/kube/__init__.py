"""Objects of the Kubernetes API, read as the API server reads them: its defaults and its refusals."""
