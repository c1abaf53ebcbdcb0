// Documents that fetch and start something, by the means they use.

rule document_starts_a_shell {
    meta:
        description = "A document with the commands that fetch and start programs"
    strings:
        $ole = { D0 CF 11 E0 A1 B1 1A E1 }
        $rtf = "{\\rtf"
        $xml = "<?xml"
        $powershell = "powershell" nocase ascii wide
        $mshta = "mshta" nocase ascii wide fullword
        $certutil = "certutil" nocase ascii wide fullword
        $regsvr = "regsvr32" nocase ascii wide fullword
        $cmd = "cmd.exe" nocase ascii wide
        $hidden = "-w hidden" nocase ascii wide
        $encoded = "frombase64string" nocase ascii wide
        $download = "downloadstring" nocase ascii wide
        $file = "downloadfile" nocase ascii wide
        $web = "invoke-webrequest" nocase ascii wide
        $cache = "-urlcache" nocase ascii wide
        $bypass = "bypass" nocase ascii wide fullword
    condition:
        ($ole at 0 or $rtf at 0 or $xml at 0)
        and any of ($powershell, $mshta, $certutil, $regsvr, $cmd)
        and any of ($hidden, $encoded, $download, $file, $web, $cache, $bypass)
}

rule document_macro_opens_by_itself {
    meta:
        description = "Macros that run when the document is opened and start something"
    strings:
        $ole = { D0 CF 11 E0 A1 B1 1A E1 }
        $open1 = "AutoOpen" nocase
        $open2 = "Auto_Open" nocase
        $open3 = "Document_Open" nocase
        $open4 = "Workbook_Open" nocase
        $shell1 = "WScript.Shell" nocase
        $shell2 = "Shell.Application" nocase
        $shell3 = "MSXML2.XMLHTTP" nocase
        $shell4 = "ADODB.Stream" nocase
        $shell5 = "URLDownloadToFile" nocase
        $shell6 = "CreateObject" nocase
    condition:
        $ole at 0 and any of ($open*) and any of ($shell*)
}

rule document_equation_editor {
    meta:
        description = "An object for the old equation editor, which runs what it is given"
    strings:
        $class = { 02 CE 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 }
        $name = "Equation.3" nocase ascii wide
        $hex = /02ce020000000000c000000000000046/i
        $ole = { D0 CF 11 E0 A1 B1 1A E1 }
        $rtf = "{\\rt"
    condition:
        ($ole at 0 and ($class or $name)) or ($rtf at 0 and ($hex or $name))
}

rule document_packed_object {
    meta:
        description = "An RTF document with a compound file written in hexadecimal"
    strings:
        $rtf = "{\\rt"
        $object = /d0cf11e0a1b11ae1/i
    condition:
        $rtf at 0 and $object
}

rule document_diagnostic_tool {
    meta:
        description = "An address that starts a tool of Windows"
    strings:
        $msdt = "ms-msdt:" nocase ascii wide
        $search = "search-ms:query" nocase ascii wide
        $protocol = /ms-(officecmd|appinstaller):/i
    condition:
        any of them
}
