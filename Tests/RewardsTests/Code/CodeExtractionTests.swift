import Testing

@testable import Rewards

@Suite("Program extraction")
struct CodeExtractionTests {
    private static let python = CodeLanguage(
        name: "python", tags: ["python", "py", "python3"], fileName: "a.py", run: [], readable: [])

    private func program(_ text: String) -> String? { CodeExtraction.program(in: text, language: Self.python) }

    @Test(
        "the last complete block of the language, else the last one without a tag",
        arguments: [
            ("```python\na\n```\n", "a\n"), ("Sure!\n```py\na\n```\nDone.", "a\n"), ("```Python3\na\n```", "a\n"),
            ("```\na\n```", "a\n"), ("```python\r\na\r\nb\r\n```\r\n", "a\nb\n"),
            ("```python\na\n```\n```python\nb\n```", "b\n"),
            ("```python\na\n```\n```text\n7\n```", "a\n"), ("```python\na\n```\n```\n7\n```", "a\n"),
            ("```\na\n```\n```bash\nrm\n```", "a\n"), ("~~~python\na\n```\nb\n~~~", "a\n```\nb\n"),
            ("````python\na\n```\nb\n````", "a\n```\nb\n"), ("  ```python title=\"x\"\na\n  ```", "a\n"),
            ("```python\na\n```\n```python\nb", "a\n"),
            ("```python\ns = '''\n    ```\n'''\n```", "s = '''\n    ```\n'''\n"),
            ("<think>```python\na\n```</think>```python\nb\n```", "b\n"), ("def f(): pass", "def f(): pass\n"),
            ("a\n```\nThat is it.", "a\n"), ("```python\n```", "\n"), ("```{python}\na\n```", nil),
        ] as [(String, String?)])
    func found(text: String, expected: String?) { #expect(program(text) == expected) }

    @Test(
        "blocks of other languages, open blocks and nothing at all are no program",
        arguments: ["```bash\ntouch x\n```", "```javascript\na\n```", "```python\na", "", "x\n```python\na"])
    func nothing(text: String) { #expect(program(text) == nil) }

    @Test("two megabytes of fences take no time")
    func fences() {
        let start = ContinuousClock.now
        #expect(program(String(repeating: "```python\n", count: 200_000)) == nil)
        #expect(program(String(repeating: "```\n", count: 500_000)) == "\n")
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("a function's body continues the prompt; a whole function comes after it")
    func humanEval() throws {
        let task = try CodeTask([
            "type": "humaneval", "prompt": "import math\ndef f(x):\n    \"\"\"Doc.\"\"\"\n",
            "test": "def check(c): pass",
            "entry_point": "f",
        ])
        #expect(task.source(of: "    return 1\n").source.hasSuffix("\"\"\"\n    return 1\n"))
        #expect(task.source(of: "def f(x):\n    return 1\n") == ([task.prompt ?? ""], "def f(x):\n    return 1\n"))
        #expect(task.source(of: "def ff(x):\n    return 1\n").prelude.isEmpty)
    }
}
