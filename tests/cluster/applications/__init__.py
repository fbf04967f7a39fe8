"""Online Boutique and Sock Shop: their calls, and what published and generated policies make of them."""
