"""Training of the networks that find what sounds: batches, steps, and what is kept to go on with.

Everything random in a step follows from the seed and the step's number, so a training that goes on needs nothing but
the weights, the optimizer's state and the number of steps.
"""
