"""A school on this computer: three machines, two courses, people of each role; by hand or by itself."""
