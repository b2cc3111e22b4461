"""The monitor's page: what communes, technicians and operators read; it shows verdicts and computes none."""
