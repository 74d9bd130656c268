"""What each workflow can be asked for: frozen models, free of torch, one file a workflow.

A command of the command line is such a model with an ``execute``; the functions of the front door
make one from their keywords (``WorkflowSettings.of``).
"""
