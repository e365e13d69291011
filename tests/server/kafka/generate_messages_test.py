#!/usr/bin/env python3
"""The generator of Kafka's messages: names of fields that it must reject, and files that it must leave alone."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
GENERATOR = os.path.join(ROOT, 'server', 'kafka', 'generate_messages.py')


def schema(*fields):
    return {'apiKey': 9000, 'name': 'SampleRequest', 'validVersions': '0-1', 'flexibleVersions': '0+',
            'fields': list(fields)}


class GenerateMessages(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.header, self.source = (os.path.join(self.folder.name, name) for name in ('sample.h', 'sample.cc'))

    def generate(self, *fields):
        path = os.path.join(self.folder.name, 'sample.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(schema(*fields), file)
        return subprocess.run([sys.executable, GENERATOR, path, self.header, self.source],
                              capture_output=True, text=True, timeout=120)

    def test_a_field_with_the_name_of_a_parameter_is_rejected(self):
        for name in ('Version', 'Tag', 'In', 'Out', 'Item', 'Tags', 'Field'):
            with self.subTest(name):
                result = self.generate({'name': name, 'type': 'int16'})
                self.assertEqual(result.returncode, 1)
                self.assertIn(f'{name}: the generated functions use the name "{name.lower()}"', result.stderr)
                self.assertFalse(os.path.exists(self.header))

    def test_so_is_a_field_of_a_struct_in_an_array(self):
        entries = {'name': 'Entries', 'type': '[]Entry', 'fields': [{'name': 'Version', 'type': 'int64'}]}
        result = self.generate(entries)
        self.assertEqual(result.returncode, 1)
        self.assertIn('Version: the generated functions use the name', result.stderr)

    def test_other_names_are_members(self):
        result = self.generate({'name': 'ApiVersion', 'type': 'int16'}, {'name': 'Versions', 'type': '[]int16'})
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        with open(self.header, encoding='utf-8') as file:
            text = file.read()
        self.assertIn('int16_t api_version = 0;', text)
        self.assertIn('std::vector<int16_t> versions = {};', text)

    def test_files_without_a_difference_keep_their_time(self):
        field = {'name': 'Epoch', 'type': 'int32'}
        self.assertEqual(self.generate(field).returncode, 0)
        os.utime(self.header, (1, 1))
        os.utime(self.source, (1, 1))
        self.assertEqual(self.generate(field).returncode, 0)
        self.assertEqual((os.stat(self.header).st_mtime, os.stat(self.source).st_mtime), (1, 1))
        self.assertEqual(self.generate(field, {'name': 'More', 'type': 'bool'}).returncode, 0)
        self.assertGreater(os.stat(self.header).st_mtime, 1)


if __name__ == '__main__':
    unittest.main()
