"""Browsers as the load has them: viewers by WHEP, MSE and HLS, and requests by HTTP."""
