"""Programs in Java beside this file, compiled against the jars that MILLRACE_KAFKA_JARS names."""
import glob
import os
import re
import shutil
import subprocess
import tempfile

from millrace_server import Skipped

HERE = os.path.dirname(os.path.abspath(__file__))


def classes(folder="java", jars=None):
    """Returns the class path of the programs in a folder beside this file, compiled against these jars, or against the
    first jars that are named."""
    jars = jars or os.environ.get("MILLRACE_KAFKA_JARS", "").split(":")[0]
    if not jars or not shutil.which("javac"):
        raise Skipped("MILLRACE_KAFKA_JARS names no folder, or there is no javac")
    made = tempfile.mkdtemp(prefix="millrace-java-")
    path = os.path.join(os.path.abspath(jars), "*")
    subprocess.run(["javac", "-cp", path, "-d", made, *glob.glob(f"{HERE}/{folder}/*.java")], check=True)
    return f"{made}:{path}"


def releases():
    """The folders of jars that MILLRACE_KAFKA_JARS names, by their release."""
    found = {}
    for folder in filter(None, os.environ.get("MILLRACE_KAFKA_JARS", "").split(":")):
        for jar in glob.glob(os.path.join(folder, "kafka-tools-[0-9]*.jar")):
            found[re.search(r"kafka-tools-([\d.]+)\.jar", jar)[1]] = os.path.abspath(folder)
    if not found or not shutil.which("javac"):
        raise Skipped("MILLRACE_KAFKA_JARS names no folder with kafka-tools, or there is no javac")
    return found


def java(path, name, *arguments, **how):
    return subprocess.Popen(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", path, name, *arguments],
                            text=True, **how)
