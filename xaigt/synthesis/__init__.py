"""Subject + lesions + acquisition -> sample; many samples -> dataset."""
