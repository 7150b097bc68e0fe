"""assemble: turn every target of one teacher into fine-tuning examples for one student, over one
matched set.

All targets hold exactly the same (question, sample) rows: those kept by every compressor and
truncation, whose examples fit the student's length limit under every target. Anything else would
compare arms on different questions.

traces, compressed, truncated, the student's tokenizer
    -> data/<profile>/sft/<teacher>/<student>/<target>.parquet, metrics/<profile>/assemble/<teacher>-<student>.json
Run: python -m stages.assemble --profile default --teacher scripted --student smollm2
"""

from dataclasses import dataclass

from stages.core import chat, paths, records, tokens
from stages.core.program import command, params
from stages.core.program.files import replacing, write_json
from stages.core.program.params import Positive
from stages.core.records import Example, Question
from stages.core.targets import assembly

PARAMS = {
    "targets": "grid.targets",
    "compressors": "grid.compressors",
    "truncate_to": "grid.truncate_to",
    "text": "students.{student}.text",
    "assemble": "assemble",
}


@dataclass(frozen=True)
class Assemble:
    """`traces_per_question`: how many of a question's kept traces are used, lowest sample first;
    None for all.
    """

    traces_per_question: Positive | None


@command.stage("profile", "teacher", "student")
def main(profile: str, teacher: str, student: str) -> None:
    """Write one teacher's targets as one student's examples to
    data/<profile>/sft/<teacher>/<student>/.
    """
    declared = params.read(PARAMS, profile, teacher=teacher, student=student)
    text = params.section(chat.Text, declared["text"], f"students.{student}.text")
    options = params.section(Assemble, declared["assemble"], "assemble")
    for name, kind in (
        ("targets", params.NonEmptyNames),
        ("compressors", params.Compressors),
        ("truncate_to", params.Names),
    ):
        params.entry(kind, declared[name], f"grid.{name}")
    data = paths.data(profile)
    folders = {
        "traces": data.traces(teacher),
        "compressed": data.folder / "compressed" / teacher,
        "truncated": data.folder / "truncated" / teacher / student,
    }
    found = assembly.sources(declared["targets"], folders, declared)
    tokenizer = tokens.load(data.model(student))
    raw = assembly.Source(folders["traces"], False)
    asked = {
        row.question_id: row
        for row in records.read(data.questions, Question)
        if row.split == "train"
    }
    prompts = assembly.prompts(asked.values(), tokenizer, text)
    sets = {name: row.source for name, row in asked.items()}
    matched = assembly.match(
        found, raw, prompts, tokenizer, text.max_tokens, options.traces_per_question
    )
    with replacing(data.sft(teacher, student)) as folder:
        for target, source in command.progress(found.items(), "assemble", unit="target"):
            sizes, raw_sizes = matched.sizes[target].completion, matched.raw.completion
            rows = assembly.examples(source, sizes, raw_sizes, prompts, tokenizer.eos_token)
            records.write(folder / f"{target}.parquet", rows, Example)
    keys = matched.raw.completion
    rewritten = [target for target, source in found.items() if source.variants]
    result = {
        "teacher": teacher,
        "student": student,
        "questions": len({question for question, _ in keys}),
        "examples": len(keys),
        "dropped": matched.dropped,
        "targets": assembly.summary(matched.sizes, prompts),
        "rho_tokens": assembly.rho_tokens(matched.sizes, matched.raw, rewritten, sets),
    }
    write_json(paths.metric(profile, "assemble", f"{teacher}-{student}"), result)


if __name__ == "__main__":
    main()
