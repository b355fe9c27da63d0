"""foreground + alpha + background -> frame, and what can stand behind the object."""
