"""The questions asked in the room, with the answers that the lecture gives or leads to, in our words; none invented."""

from typing import NamedTuple


class Question(NamedTuple):
    """When it was asked, the question, and the answer; `code` between backquotes, $formulas$ between dollar signs."""

    time: str
    question: str
    answer: str


QUESTIONS = (
    Question("10:09", "Why must one go backwards?", "The loss is computed at the output, so delta is known there "
             "first; each layer needs the delta above it, and hands its own down."),
    Question("22:21", "Why is the adjoint of the output 1?", "It is the derivative of the output with respect to "
             "itself."),
    Question("24:38", "Could one compute the adjoint of v0 without those of v4 and v5?", "No. What uses v0 is v2 "
             "and v3: they can contribute only once their own adjoints are known, and those come from v4 and v5."),
    Question("29:31", "There is one mistake on this slide: `backward()` was called on an array. What is wrong?",
             "`backward()` starts from one number: sum first."),
    Question("34:18", "What is the dimension of the Bias module's output?", "That of its input: the vector is added to "
             "each sample of the batch."),
    Question("38:00", "How does one add the matrix to the Bias class?", "As a Parameter of two dimensions, which the "
             "input is multiplied by; the bias stays."),
    Question("47:49", "What is the dimension of the network's output?", "That of its last layer, whatever the hidden "
             "layers have."),
    Question("64:46", "How would one improve on two biases?", "With linear layers, and then with activations between "
             "them: a multilayer perceptron."),
    Question("68:02", "What changes for a convolutional network?", "The layers; and the data keep their height and "
             "width. At the end they are flattened and projected onto the classes."),
    Question("71:09", "How many dimensions does the bias have?", "One, and the image has three: they do not fit. A "
             "convolution brings its own bias."),
    Question("73:15", "Where did I say that there are ten classes?", "Nowhere: that is the trap."),
)  # fmt: skip


def seconds(time):
    """Of "10:09"."""
    minutes, rest = time.split(":")
    return 60 * int(minutes) + int(rest)


def of_moments(moments):
    """Moment of lecture A -> its Questions: those asked during it, or before it and after the one before."""
    found, spans = {}, []
    for moment in moments:
        if moment.lecture == "A":
            start, _, end = moment.time.split(", ")[0].partition(" - ")
            spans.append((seconds(start), seconds(end), moment))
    for question in QUESTIONS:
        asked = seconds(question.time)
        _, _, moment = next((span for span in spans if asked < span[1]), spans[-1])
        found.setdefault(moment, []).append(question)
    return found
