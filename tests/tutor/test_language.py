"""A question in another language is told from English, however short, and English from another language."""

import pytest

from lms_desktop.tutor.language import language
from tests.tutor import evaluation
from tests.tutor.evaluation import Category


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("was ist ein Pivot", "de"),
        ("Pourquoi les coraux blanchissent-ils ?", "fr"),
        ("¿Qué es la nieve marina?", "es"),
        ("Hvorfor ruster jern i saltvann?", "no"),
        ("Sert suda sabun neden köpürmez?", "tr"),
        ("Co to jest rafa koralowa?", "pl"),
        ("Perché il ferro arrugginisce?", "it"),
        ("Что такое алгоритм?", "und"),
        ("什么是珊瑚礁？", "und"),
    ],
)
def test_other_languages_are_told_apart(text: str, code: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "why?",
        "waht is binery serch",
        "pivot",
        "What does laissez-faire mean?",
        "When did the railway from Nuremberg to Fürth open?",
        "Is Θ(n log n) the same as O(n log n)?",
        "",
        "12 + 7 = ?",
    ],
)
def test_english_is_english_with_slips_names_and_formulas(text: str) -> None:
    assert language(text) == "en"


def test_the_tuning_part_is_told_apart_without_a_mistake() -> None:
    for question in evaluation.tuning():
        assert (language(question.text) != "en") == (question.category is Category.OTHER_LANGUAGE), question
