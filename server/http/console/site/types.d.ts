// Declarations for the type checker. The browser never loads this file.
interface Window { CodeMirror?: any }
