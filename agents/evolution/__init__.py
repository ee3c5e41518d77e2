"""Evolution: the weights of a policy that its parts of cost bear, searched on paired episodes."""
