"""From tracks to persons: gait models, embeddings, the gallery and the open-set decision."""
