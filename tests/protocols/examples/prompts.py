"""The registry of prompts: versions, aliases, tags, chat prompts, search."""

import mlflow

first = mlflow.genai.register_prompt(
    "summary", "Summarize {{text}} in {{words}} words.", commit_message="first", tags={"a": "1"}
)
assert (first.version, first.variables) == (1, {"text", "words"}), first
second = mlflow.genai.register_prompt("summary", "Shorten {{text}}.", commit_message="shorter")
assert second.version == 2, second
mlflow.genai.set_prompt_alias("summary", alias="live", version=1)
loaded = mlflow.genai.load_prompt("prompts:/summary@live")
assert loaded.format(text="this", words=3) == "Summarize this in 3 words."
assert (loaded.commit_message, loaded.tags) == ("first", {"a": "1"}), loaded
assert mlflow.genai.load_prompt("summary", version=2).template == "Shorten {{text}}."
assert mlflow.genai.load_prompt("prompts:/summary@latest").version == 2
mlflow.genai.set_prompt_tag("summary", "team", "x")
mlflow.genai.set_prompt_version_tag("summary", 2, "checked", "yes")
assert mlflow.genai.get_prompt_tags("summary")["team"] == "x"
assert mlflow.genai.load_prompt("prompts:/summary/2").tags == {"checked": "yes"}
mlflow.genai.delete_prompt_version_tag("summary", 2, "checked")
mlflow.genai.delete_prompt_tag("summary", "team")

chat = [{"role": "system", "content": "Be {{mood}}."}, {"role": "user", "content": "{{text}}"}]
mlflow.genai.register_prompt("chat", chat, response_format={"type": "object"})
filled = mlflow.genai.load_prompt("prompts:/chat/1")
assert filled.format(mood="kind", text="hi")[0]["content"] == "Be kind."
assert filled.response_format == {"type": "object"}, filled

assert {prompt.name for prompt in mlflow.genai.search_prompts()} == {"chat", "summary"}
found = mlflow.genai.search_prompts(filter_string="name LIKE 'summ%'", max_results=5)
assert [prompt.name for prompt in found] == ["summary"], found
client = mlflow.MlflowClient()
client.create_registered_model("summaries")
assert [model.name for model in client.search_registered_models()] == ["summaries"]
mlflow.genai.delete_prompt_alias("summary", "live")
client.delete_prompt_version("summary", "2")
assert mlflow.genai.load_prompt("prompts:/summary/2", allow_missing=True) is None
print("done")
