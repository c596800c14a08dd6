"""Making a category model's tiny MLP good at new scenes: rehearsals of stage 2."""
