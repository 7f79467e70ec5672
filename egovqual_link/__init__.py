"""What citizens say, set beside what was measured."""
