// Pages and drawings that build a file in the browser or lead to a false sign-in, and drawing commands for servers.

rule page_builds_a_download {
    meta:
        description = "A page or drawing that unpacks a file in the browser and offers it for download"
    strings:
        $blob1 = "createObjectURL" fullword
        $blob2 = "msSaveOrOpenBlob" fullword
        $blob3 = "msSaveBlob" fullword
        $unpack1 = /atob[ \t]{0,4}\(/
        $unpack2 = "fromCharCode" fullword
        $unpack3 = "Uint8Array" fullword
        $save = /\.download\b|download[ \t]{0,4}=|setAttribute\([ \t]{0,4}["']download/i
        $page = /<(html|body|script|svg)[ \t\r\n>\/]/i
    condition:
        $page and any of ($blob*) and any of ($unpack*) and ($save or $blob2 or $blob3)
}

rule drawing_leads_away {
    meta:
        description = "A drawing that sends its reader to another address or asks for a password"
    strings:
        $svg = /<svg[ \t\r\n>]/i
        $location = /(window|document|top|self|parent)\.location/i
        $replace = /location\.(href|replace|assign)/i
        $write = "document.write" nocase
        $decode = /(atob|unescape|decodeURIComponent|fromCharCode|eval)[ \t]{0,4}\(/
        $password = /type[ \t]{0,4}=[ \t]{0,4}["']?password/i
        $frame = /<iframe[ \t\r\n>]/i
    condition:
        $svg and ($location or $replace or $write or $password or $frame or $decode)
}

rule picture_is_drawing_commands {
    meta:
        description = "Commands for ImageMagick or Ghostscript that read files or start programs"
    strings:
        $push = "push graphic-context" nocase
        $url = /(fill|image|url)[^\n\x00]{0,64}(https?|ephemeral|msl|label|text|mvg|caption):/i
        $pipe = "%pipe%" nocase
        $postscript = "%!PS" nocase
        $run = /(\.runlibfile|\.libfile|putdeviceprops|\.setpdfwrite|\(r\) file|systemdict)/
        $msl = /<image[^>]{0,64}>[ \t\r\n]{0,64}<(read|write) filename/i
        $target = /xlink:href[ \t]{0,4}=[ \t]{0,4}["'](msl|ephemeral|mvg|label|text|caption|vid|epi?):/i
    condition:
        ($push and $url) or $pipe or ($postscript and $run) or $msl or $target
}

rule xml_reads_files {
    meta:
        description = "XML that defines an abbreviation for a file or an address"
    strings:
        $entity = /<!ENTITY[ \t\r\n]{1,32}[^>]{1,128}(SYSTEM|PUBLIC)/i
        $include = "http://www.w3.org/2001/XInclude"
        $parse = /<[a-z]{0,16}:?include[^>]{1,256}parse/i
    condition:
        $entity or ($include and $parse)
}
