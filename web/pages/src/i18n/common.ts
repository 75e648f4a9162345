// Words of both languages that are tried first by whoever guesses passphrases.

/**
 * What common passphrases are made of: words, names and rows of keys that lead the lists of those
 * that became known (English ones, and Chinese ones in pinyin). Longer ones stand before their
 * parts.
 */
export const COMMON = (
  "administrator passphrase password passwort passw0rd password1 letmein welcome iloveyou loveyou " +
  "qwertyuiop asdfghjkl zxcvbnm qwerty qazwsx wsxedc edcrfv asdfgh zxcvbn asdf zxcv qwer qaz wsx edc " +
  "1qaz2wsx 1q2w3e4r5t 1q2w3e4r 1q2w3e q1w2e3r4 abcdefgh abcdef abcd abc " +
  "princess sunshine football baseball basketball superman batman spiderman pokemon starwars " +
  "dragon monkey shadow master michael jennifer jordan charlie hunter thomas robert daniel jessica " +
  "ashley nicole andrew joshua matthew summer winter spring autumn flower butterfly purple orange " +
  "chocolate cookie cheese pepper ginger tigger secret trustno freedom whatever computer internet " +
  "samsung google facebook iphone android windows microsoft hello test default changeme access login " +
  "admin root user guest love angel lovely babygirl friends family forever soccer hockey killer " +
  "hospital doctor patient health medical yilian wallet private " +
  "woaini woaiwo woaini1314 iloveu aini wangyi zhang zhao chen yang huang liang xiao ming hong " +
  "jiayou nihao zhongguo beijing shanghai guangzhou shenzhen baobao baobei laopo laogong mama baba " +
  "xiexie mima yisheng yiyuan 5201314 1314520 520 1314 我爱你 你好 密码 口令 中国 医院 医生 宝贝 老婆 老公 妈妈 爸爸 生日 快乐 加油"
)
  .split(" ")
  .sort((a, b) => b.length - a.length);
