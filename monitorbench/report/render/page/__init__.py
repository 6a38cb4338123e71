"""The parts of the HTML report: what each section shows, as plain values that templates only have to write out."""
