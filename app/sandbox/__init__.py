"""Stand-ins that let everything run on one machine with no account anywhere; never part of a deployment."""
