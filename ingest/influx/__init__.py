"""InfluxDB as a projection of the journal: points with keys of their own, a writer that loses none, a durable cursor."""
