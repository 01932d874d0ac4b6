"""The work of the factory: settings, queue, pipeline, providers, pictures. Needs no terminal."""
