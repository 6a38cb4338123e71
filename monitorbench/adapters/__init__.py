"""How each family of models is run and watched."""
