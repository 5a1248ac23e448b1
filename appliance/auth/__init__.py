"""Who is asking: tokens, password sign-in, superusers and the first run."""
