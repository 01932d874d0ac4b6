"""The screens: what fills the terminal. None imports another; they post messages that tui.navigation acts on."""
