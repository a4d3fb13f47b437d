"""Reports: a result as sentences, tables, charts and a run's folder."""
