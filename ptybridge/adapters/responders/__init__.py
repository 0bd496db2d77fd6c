"""Responders: what answers prompts, each as `ptybridge.core.responder.Responder`."""
