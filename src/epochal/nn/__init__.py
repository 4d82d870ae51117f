"""Neural-network formulas: layers, embeddings, losses, dropout. The array backend is handed in."""
