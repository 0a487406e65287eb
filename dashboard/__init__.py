"""The pages that staff see: board, home, alert. They read book, registry and journal, and write only what people decide."""
