"""Work in independent pieces, side by side: by processes of this machine, its threads, or a Dask cluster."""
