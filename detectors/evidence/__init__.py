"""What a home's readings prove about its resident, told once for all detectors: life, occupancy, what can be seen."""
