// The 2026 way into Magento and Adobe Commerce: a cart item's custom option carries a file as base64, a picture by its
// first bytes and a program behind them, which is stored under a public folder.

rule picture_head_with_program {
    meta:
        description = "The first bytes of a picture and then a program"
    strings:
        $jpeg = { FF D8 FF }
        $png = { 89 50 4E 47 }
        $gif = "GIF8"
        $webp = { 52 49 46 46 [4] 57 45 42 50 }
        $php = /<\?(php[ \t\r\n\/]|=[ \t\r\n]{0,8}[`$(@a-z][ -~]{8})/i
        $asp = /<%(@|=|[ \t\r\n]{0,4}eval)[ \t]{0,4}[a-z(][ -~]{8}/i
    condition:
        ($jpeg at 0 or $png at 0 or $gif at 0 or $webp at 0)
        and ($php in (0..4KB) or $asp in (0..4KB))
        and filesize < 1MB
}

rule shell_behind_a_password {
    meta:
        description = "A program that waits for a password in a request and then runs what follows"
    strings:
        $compare = /(hash_equals|md5|sha1|password_verify|hash)[ \t]{0,4}\([^;\x80-\xff\x00]{0,96}\$_(COOKIE|POST|REQUEST|GET|SERVER)/i
        $run = /(eval|assert|system|exec|passthru|shell_exec|popen|proc_open|file_put_contents|include|require)[ \t]{0,4}\(/i
        $tag = "<?"
    condition:
        $tag and $compare and $run
}
